"""Which neurons should lie side by side on the disk, so that what fires together is read together?"""
