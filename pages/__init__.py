"""The pages of the app, one short file each; what they share lies in `components`."""
