"""OpenViper and the packages it needs in one folder or file that is carried along, and the proof that it is unchanged."""
