"""The functions of the live job that every record passes, in Java: the contract's parser, a sale's steps, and a clock.

They are compiled on the spot by the Eclipse compiler, which is a jar like the others and needs no JDK.
"""
