"""The colours of pictures."""

SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")  # Okabe and Ito: for all kinds of eyes
LINES = "#404040"
GRID = "#e0e0e0"
