"""A retail line as a CSV file has it, and as a message has it."""

from producers.retail_data import Row

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
PLAIN = "536365,85123A,WHITE LAMP ,6,2011-10-06 16:20:00,2.55,17850.0,United Kingdom"
OPEN = PLAIN.replace("WHITE", '"WHITE')
TYPED: Row = {
    "InvoiceNo": "536365",
    "StockCode": "85123A",
    "Description": "WHITE LAMP ",
    "Quantity": 6,
    "InvoiceDate": "2011-10-06 16:20:00",
    "UnitPrice": 2.55,
    "CustomerID": 17850,
    "Country": "United Kingdom",
}
