"""Rules that watch, alerts that fire, and whom they are told."""
