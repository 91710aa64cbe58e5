"""What readers see: publishing it in one step, its history, the way back."""
