"""Rows that cannot be used, each with the reason it is rejected for."""

HEADER = b"user_id,item_id,rating,timestamp\n"

BAD_ROWS = {
    "missing field": (b"u,i,3", "field_count"),
    "extra field": (b"u,i,3,4,5", "field_count"),
    "text rating": (b"u,i,abc,4", "rating_not_a_number"),
    "NaN": (b"u,i,NaN,4", "rating_not_finite"),
    "infinity": (b"u,i,-Infinity,4", "rating_not_finite"),
    "overflow of float32": (b"u,i,1e39,4", "rating_out_of_range"),
    "overflow of float64": (b"u,i,1e999,4", "rating_out_of_range"),
    "empty rating": (b"u,i,,4", "rating_missing"),
    "blank rating": (b"u,i,  ,4", "rating_missing"),
    "hexadecimal rating": (b"u,i,0x10,4", "rating_not_a_number"),
    "empty user": (b",i,3,4", "user_id_missing"),
    "empty item": (b"u,,3,4", "item_id_missing"),
    "white-space id": (b"u, \t,3,4", "item_id_missing"),
    "too long id": (b"u" * 1001 + b",i,3,4", "user_id_too_long"),
    "negative timestamp": (b"u,i,3,-4", "timestamp_negative"),
    "very negative timestamp": (b"u,i,3,-" + b"9" * 40, "timestamp_negative"),
    "non-integer timestamp": (b"u,i,3,4.5", "timestamp_not_an_integer"),
    "exponent timestamp": (b"u,i,3,1e9", "timestamp_not_an_integer"),
    "text timestamp": (b"u,i,3,yesterday", "timestamp_not_a_number"),
    "empty timestamp": (b"u,i,3,", "timestamp_missing"),
    "milliseconds": (b"u,i,3,1381945744000", "timestamp_out_of_range"),
    "huge timestamp": (b"u,i,3," + b"9" * 40, "timestamp_out_of_range"),
    "stray quote": (b'u,i",3,4', "unbalanced_quotes"),
    "text after a closing quote": (b'"u"x,i,3,4', "unbalanced_quotes"),
    "NUL byte": (b"u,i\0,3,4", "nul_byte"),
    "invalid UTF-8": (b"u,\xff\xfe,3,4", "invalid_utf8"),
    "cut UTF-8": (b"u,i,3,4\xc3", "invalid_utf8"),
    "carriage return": (b"u,i\ri,3,4", "stray_carriage_return"),
    "quoted field too many": (b'"u",i,"x""y",3,4', "field_count"),
}

# One row over two lines: both lines are rejected.
QUOTED_NEWLINE = (b'u,"i\nj",3,4', ["unbalanced_quotes", "unbalanced_quotes"])

# Rows that are unusual and good, as (row, (user, item, rating, timestamp)).
GOOD_ROWS = [
    (b"u1,i1,3,4", ("u1", "i1", 3.0, 4)),
    (b'"u2","i,2",3.5,5', ("u2", "i,2", 3.5, 5)),
    (b'"u3","i ""3""",-1e1,6', ("u3", 'i "3"', -10.0, 6)),
    (b"u4, i 4 , +3 , 7", ("u4", " i 4 ", 3.0, 7)),
    ("ü5,\u4e2d\U0001f600,.5,0008.0".encode(), ("ü5", "\u4e2d\U0001f600", 0.5, 8)),
    (b'u6,i"6"x,0,9', ("u6", 'i"6"x', 0.0, 9)),
    (b"NA,null,1e-50,253402300799", ("NA", "null", 0.0, 253402300799)),
    (b"u8,i8,1.,0", ("u8", "i8", 1.0, 0)),
]
