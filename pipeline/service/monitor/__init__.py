"""What a process tells about itself: health and metrics over HTTP, and its state to systemd."""
