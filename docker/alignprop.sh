#!/bin/sh
# The command line of the image. exec: signals must reach the program itself.
exec dotnet /app/AlignProp.Cli.dll "$@"
