"""The two functions of the live job that every record passes, in Java: the contract's parser and a sale's steps.

They are compiled on the spot by the Eclipse compiler, which is a jar like the others and needs no JDK.
"""
