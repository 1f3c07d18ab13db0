"""Prints how large a program is when it is packed for Lambda as tightly as deflate packs."""

import io
import sys
import zipfile

packed = io.BytesIO()
with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    archive.write(sys.argv[1], "bootstrap")
print(len(packed.getvalue()))
