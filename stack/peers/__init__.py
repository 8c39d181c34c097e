"""Systems of other owners, as a company has them beside its own database: a till, a web shop and a partner.

Real servers that the demo and the tests read from; the platform knows them by their definitions alone.
"""
