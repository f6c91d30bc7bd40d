"""Other inference engines, for `./run bench models --peers`.

peers.py         which engines, in which versions, and how each gets its models
environment.py   their virtual environment
contenders.py    a network made ready for each of them, and compared with XNNPACK
worker.py        a process of that environment with one engine in it
engines.py       the engines as the worker calls them
convert.py       .tflite files in the engines' own formats, made in that environment too

engines.py, convert.py and the body of worker.py run with the engines' packages in place.
"""
