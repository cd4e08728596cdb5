"""What the bytes of image files say, and the pixels that they hold."""
