"""A small question-answering assistant, as an application team would write it on top of Kaname."""
