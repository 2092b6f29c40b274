"""The operating system: files, signals, deadlines, the shell's words, and its errors in ours."""
