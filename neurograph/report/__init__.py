"""One page that shows a run: from its folder when it is over, or served while it goes on."""
