"""What an academy may see: which counts are told, and the gate that asks whether any other can be found out."""
