"""What the answers mean: the contract of a sale, the rankings, and their texts for each engine.

Nothing here imports an engine, a store or another package of the project.
"""
