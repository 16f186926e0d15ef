"""The screens: one folder a desk, and what several of them use."""
