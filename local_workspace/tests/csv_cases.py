r"""Odd CSV files: what is odd -> the file's name, its bytes, and the columns it becomes, or what is said.

A column is its type and its values: `k` a whole number, `d` a decimal, `t` a text, `b` a truth, `D` a date,
`T` a time of UTC.
"""

import bz2
import gzip
from datetime import UTC, date, datetime

import pyarrow

PLAIN = "id,x\n1,2.5\n2,3.5\n"
BOTH = {"id": ("k", [1, 2]), "x": ("d", [2.5, 3.5])}
ROWS_WITHIN = (
    "a.csv: a quote opened in line 3 is closed in line 5, with rows between; correct it; if it is one text, "
    "save the table as Parquet"
)


def zst(text: str) -> bytes:
    return pyarrow.compress(text.encode(), codec="zstd", asbytes=True)


CASES = {
    # How a file is written
    "commas": ("a.csv", PLAIN, BOTH),
    "semicolons": ("a.csv", PLAIN.replace(",", ";"), BOTH),
    "tabs, packed": ("a.tsv.gz", gzip.compress(PLAIN.replace(",", "\t").encode()), BOTH),
    "bars": ("a.csv", PLAIN.replace(",", "|"), BOTH),
    "a suffix in capital letters": ("A.CSV.GZ", gzip.compress(PLAIN.encode()), BOTH),
    "bzip2": ("a.csv.bz2", bz2.compress(PLAIN.encode()), BOTH),
    "zstd": ("a.csv.zst", zst(PLAIN), BOTH),
    "packed in two parts": ("a.csv.gz", gzip.compress(b"id,x\n1,2.5\n") + gzip.compress(b"2,3.5\n"), BOTH),
    "packed, though not by its name": ("a.csv", gzip.compress(PLAIN.encode()), BOTH),
    "packed and cut off": (
        "a.csv.gz",
        gzip.compress(PLAIN.encode() * 99)[:-20],
        "a.csv.gz cannot be unpacked",
    ),
    "line ends of Windows": ("a.csv", PLAIN.replace("\n", "\r\n"), BOTH),
    "no end of the last line": ("a.csv", PLAIN.rstrip(), BOTH),
    "empty lines": ("a.csv", "\n" + PLAIN.replace("\n", "\n\n"), BOTH),
    "a byte order mark": ("a.csv", PLAIN.encode("utf-8-sig"), BOTH),
    "UTF-16": ("a.csv", PLAIN.encode("utf-16"), BOTH),
    "UTF-16, cut off": ("a.csv", PLAIN.encode("utf-16")[:-1], "a.csv is not UTF-8; save it as UTF-8"),
    "UTF-32": ("a.csv", PLAIN.encode("utf-32"), "a.csv has bytes that no text has; unpack it, or save it as"),
    "Windows-1252, packed": (
        "a.csv.gz",
        gzip.compress("id,Größe\n1,Müller\n2,Zoë 5 €\n".encode("cp1252")),
        {"id": ("k", [1, 2]), "Größe": ("t", ["Müller", "Zoë 5 €"])},
    ),
    "Windows-1251": ("a.csv", "id,x\n1,Привет\n".encode("cp1251"), "a.csv is not UTF-8; save it as UTF-8"),
    "Windows-1250": ("a.csv", "id,x\n1,był\n2,małpa\n".encode("cp1250"), "a.csv is not UTF-8; save it as"),
    "Mac Roman": ("a.csv", "id,x\n1,Größe\n".encode("mac_roman"), "a.csv is not UTF-8; save it as UTF-8"),
    "Shift JIS": ("a.csv", "id,x\n1,日本\n".encode("shift_jis"), "a.csv is not UTF-8; save it as UTF-8"),
    "commas within quotes, semicolons between": (
        "a.csv",
        '"id";"a,b";"c,d"\n"1";"x,y";"z,w"\n',
        {"id": ("k", [1]), "a,b": ("t", ["x,y"]), "c,d": ("t", ["z,w"])},
    ),
    "Excel's own file": (
        "a.csv",
        b"PK\x03\x04\x14\x00\x06\x00",
        "a.csv has bytes that no text has; unpack it, or save",
    ),
    "nothing but a byte order mark": ("a.csv", b"\xef\xbb\xbf", "a.csv is empty; write the table into it"),
    "nothing but Excel's sep=": ("a.csv", "sep=;\n", "a.csv is empty; write the table into it"),
    # Headers
    "Excel's sep=": ("a.csv", "sep=;\r\nid;x\r\n1;2,5\r\n2;3,5\r\n", BOTH),
    "pandas' index": ("a.csv", ",id,x\n0,1,2.5\n7,2,3.5\n", BOTH),
    "pandas' index, written again": ("a.csv", "Unnamed: 0,id,x\n0,1,2.5\n1,2,3.5\n", BOTH),
    "names of rows of R": ("a.csv", '"id","x"\n"1",1,2.5\n"2",2,3.5\n', BOTH),
    "a comma at the header's end": ("a.csv", "id,x,\n1,2.5\n2,3.5\n", BOTH),
    "a comma at each row's end": ("a.csv", "id,x\n1,2.5,\n2,3.5,\n", BOTH),
    "a comma at each line's end": ("a.csv", "id,x,\n1,2.5,\n2,3.5,\n", BOTH),
    "a column without a name": ("a.csv", "id,,x\n1,a,2.5\n", "a.csv: column 2 has no name; name it in the"),
    "a column twice": (
        "a.csv",
        "id,x,X\n1,2,3\n",
        "a.csv: the column X occurs twice; rename one, or remove it",
    ),
    "blanks around names": ("a.csv", "id , x\n1,2.5\n2,3.5\n", BOTH),
    "a quoted header over two lines": (
        "a.csv",
        'id,"a\nb"\n1,2\n',
        {"id": ("k", [1]), "a\nb": ("k", [2])},
    ),
    "a header alone": ("a.csv", "id,x\n", {"id": ("t", []), "x": ("t", [])}),
    "a header alone, without a line's end": ("a.csv", "id,x", {"id": ("t", []), "x": ("t", [])}),
    "a comment before the header": (
        "a.csv",
        "# made by hand\nid,x\n1,2\n",
        "a.csv: the header has 1 fields, and the rows have 2; correct it",
    ),
    # Rows
    "a row that is too short": (
        "a.csv",
        "id,x,y\n1,2,3\n4,5\n6,7,8\n",
        "a.csv: the record '4,5' has not the form",
    ),
    "a row that is too long": (
        "a.csv",
        "id,x\n1,2\n4,5,6\n7,8\n",
        "a.csv: the record '4,5,6' has not the form",
    ),
    "quotes, doubled": ("a.csv", 'id,x\n1,"a ""b"",\nc"\n', {"id": ("k", [1]), "x": ("t", ['a "b",\nc'])}),
    "quotes, escaped": ("a.csv", 'id,x\n1,"a \\"b\\", c"\n', {"id": ("k", [1]), "x": ("t", ['a "b", c'])}),
    "a text that ends with a backslash": (
        "a.csv",
        'id,x\n1,"C:\\"\n',
        {"id": ("k", [1]), "x": ("t", ["C:\\"])},
    ),
    "quotes within a text that has none around it": (
        "a.csv",
        'id,x\n1,5" pipe\n2,6" pipe\n',
        {"id": ("k", [1, 2]), "x": ("t", ['5" pipe', '6" pipe'])},
    ),
    "texts of several lines": (
        "a.csv",
        'id,x\n1,"a\nb, c\n"\n2,"d\r\n\r\n3 e"\n',
        {"id": ("k", [1, 2]), "x": ("t", ["a\nb, c\n", "d\r\n\r\n3 e"])},
    ),
    "a text with a line that looks like a row": (
        "a.csv",
        'id,x\n1,"to do:\n2, paint\nthen rest\nfor long"\n2,b\n',
        {"id": ("k", [1, 2]), "x": ("t", ["to do:\n2, paint\nthen rest\nfor long", "b"])},
    ),
    "a quote that is closed rows later": (
        "a.csv",
        'id,x,y\n1,2,a\n3,4,"b\n5,6,c\n7,8,d"\n9,10,e\n',
        ROWS_WITHIN,
    ),
    "a quote in the first row that is closed rows later": (
        "a.csv",
        'sep=,\nid,x\n"1,a\n5,b\n7,c",d\n9,e\n',
        ROWS_WITHIN,
    ),
    "a quote that is closed rows later, of texts alone": (
        "a.csv",
        'id,x,y,z\nk,a,b,c\nl,"a,b,c\nm,a,,c\nn,a,b",c,d,e\n',
        ROWS_WITHIN,
    ),
    "a quote that is never closed": (
        "a.csv",
        'id,x\n1,"a\n2,b\n3,c\n',
        "a.csv: a quote opened in line 2 is never closed; correct it, or write quotes of a text twice",
    ),
    "a quote that is never closed, in UTF-16": (
        "a.csv",
        'id,x\n1,"a\n2,b\n3,c\n'.encode("utf-16"),
        "a.csv: a quote opened in line 2 is never closed",
    ),
    "a quote that the next one closes": (
        "a.csv",
        'id,x\n1,"a\n2,"b"\n3,c\n',
        "a.csv: a quote opened in line 2 is closed within a text, in line 3; correct it, or write",
    ),
    "blanks before quotes": (
        "a.csv",
        'id,x\n1, "a"\n2, "b"\n',
        "a.csv: a blank stands before a quote, as in ' \"a\"'; remove it",
    ),
    "decimal commas between commas": (
        "a.csv",
        "id,x\n1,2,5\n2,3,5\n",
        "a.csv: the header has 2 fields, and the rows have 3; correct it, or quote texts that have the",
    ),
    # What is missing
    "NA, NULL and alike among numbers": (
        "a.csv",
        "id,x\n1,NA\n2,\\N\n3,NULL\n4,NaN\n5,-\n6,\n7,#N/A\n8,0.5\n",
        {"id": ("k", list(range(1, 9))), "x": ("d", [None] * 7 + [0.5])},
    ),
    "NA, NULL and alike among texts": (
        "a.csv",
        "id,x\n1,NA\n2,\\N\n3,NULL\n4,None\n5,-\n6,yes\n",
        {"id": ("k", [1, 2, 3, 4, 5, 6]), "x": ("t", [None, None, None, "None", "-", "yes"])},
    ),
    "Namibia": ("a.csv", "id,x\n1,NA\n2,DE\n", {"id": ("k", [1, 2]), "x": ("t", ["NA", "DE"])}),
    # Codes
    "letters that Java takes for a number's end": (
        "a.csv",
        "id,x,y\n1D,10F,1e2\n1F,10D,100\n",
        {"id": ("t", ["1D", "1F"]), "x": ("t", ["10F", "10D"]), "y": ("t", ["1e2", "100"])},
    ),
    "zeros in front": (
        "a.csv",
        "id,x\n007,0x1F\n7,1\n",
        {"id": ("t", ["007", "7"]), "x": ("t", ["0x1F", "1"])},
    ),
    "numbers of 20 digits": (
        "a.csv",
        "id\n12345678901234567890\n12345678901234567891\n",
        {"id": ("t", ["12345678901234567890", "12345678901234567891"])},
    ),
    "numbers of telephones": ("a.csv", "id\n+491701234567\n", {"id": ("t", ["+491701234567"])}),
    # Numbers
    "exponents": ("a.csv", "id,x\n1,1e-05\n2,1.5E+10\n", {"id": ("k", [1, 2]), "x": ("d", [1e-05, 1.5e10])}),
    "signs and blanks": (
        "a.csv",
        "id,x\n+1, -2.5\n-2,+.5 \n",
        {"id": ("k", [1, -2]), "x": ("d", [-2.5, 0.5])},
    ),
    "decimal commas, thousands with points": (
        "a.csv",
        "id;x;y\n1;1.234,5;1.000\n2;-0,25;20\n",
        {"id": ("k", [1, 2]), "x": ("d", [1234.5, -0.25]), "y": ("d", [1000.0, 20.0])},
    ),
    "thousands with commas": (
        "a.csv",
        'id,x,y\n1,"1,234","1,234.5"\n2,5,0.5\n',
        {"id": ("k", [1, 2]), "x": ("d", [1234.0, 5.0]), "y": ("d", [1234.5, 0.5])},
    ),
    "thousands with spaces, and with the apostrophe of Switzerland": (
        "a.csv",
        "id;x;y;z\n1;1 234,5;1’234.5;123 456\n2;0,5;5;1 234\n",
        {
            "id": ("k", [1, 2]),
            "x": ("d", [1234.5, 0.5]),
            "y": ("d", [1234.5, 5.0]),
            "z": ("t", ["123 456", "1 234"]),
        },
    ),
    # Times
    "times": (
        "a.csv",
        "id,x,y,z\n1,2024-01-31,2024-01-31 10:00:00.1234567,2024-01-31T10:00:00+02:00\n"
        "2,2024-02-01,2024-02-01,2024-01-31T10:00Z\n",
        {
            "id": ("k", [1, 2]),
            "x": ("D", [date(2024, 1, 31), date(2024, 2, 1)]),
            "y": ("T", [datetime(2024, 1, 31, 10, 0, 0, 123456, UTC), datetime(2024, 2, 1, tzinfo=UTC)]),
            "z": ("T", [datetime(2024, 1, 31, 8, tzinfo=UTC), datetime(2024, 1, 31, 10, tzinfo=UTC)]),
        },
    ),
    "times that are none": (
        "a.csv",
        "id,x,y,z\n1,2024-02-30,12:30,31.12.2024\n",
        {"id": ("k", [1]), "x": ("t", ["2024-02-30"]), "y": ("t", ["12:30"]), "z": ("t", ["31.12.2024"])},
    ),
    "truths": ("a.csv", "id,x\n1,True\n2,FALSE\n", {"id": ("k", [1, 2]), "x": ("b", [True, False])}),
}
