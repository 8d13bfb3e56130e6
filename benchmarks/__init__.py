"""The speed of the product, compared with other tools and the limits of AWS. It is not part of the distribution."""
