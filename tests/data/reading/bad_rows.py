"""Rows that cannot be used, each with the reason it is rejected for."""

HEADER = b"user_id,item_id,rating,timestamp\n"

BAD_ROWS = {
    "missing field": (b"u,i,3", "field_count"),
    "extra field": (b"u,i,3,4,5", "field_count"),
    "text rating": (b"u,i,abc,4", "rating_not_a_number"),
    "NaN": (b"u,i,NaN,4", "rating_not_finite"),
    "infinity": (b"u,i,-Infinity,4", "rating_not_finite"),
    "sums overflow": (b"u,i,-1.1e12,4", "rating_out_of_range"),
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
    "date that never was": (b"u,i,3,2008-02-30", "timestamp_not_a_number"),
    "time of the day alone": (b"u,i,3,12:30", "timestamp_not_a_number"),
    "date before 1970": (b"u,i,3,1969-12-31", "timestamp_negative"),
    "below zero": (b"u,i,3,-0.5", "timestamp_negative"),
    "overflowing timestamp": (b"u,i,3,1e999", "timestamp_out_of_range"),
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
    (b"u9,j0,1,1.2e+09", ("u9", "j0", 1.0, 1_200_000_000)),
    (b"u9,j1,1,1200000000.75", ("u9", "j1", 1.0, 1_200_000_000)),
    (b"u9,j2,1,2005-09-06", ("u9", "j2", 1.0, 1_125_964_800)),
    (b"u9,j3,1,2005-09-06 01:00:00.5", ("u9", "j3", 1.0, 1_125_968_400)),
    (b"u9,j4,1,2005-09-06T01:30+01:30", ("u9", "j4", 1.0, 1_125_964_800)),
    (b"u9,j5,1,2005-09-05T23:00:00-0100", ("u9", "j5", 1.0, 1_125_964_800)),
]
