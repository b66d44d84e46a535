# Targets: `make help`.  Variables: B=build directory, CC, SAN=1 (ASan+UBSan), COV=1, V=1.
SHELL := /bin/bash
B     ?= build
