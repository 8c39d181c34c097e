-- begin_run(table=silver.sales, version=3, base_snapshot=None)
ALTER TABLE silver.sales CREATE BRANCH `run_3`

-- begin_run(table=silver.sales, version=3, base_snapshot=6)
ALTER TABLE silver.sales CREATE OR REPLACE BRANCH `run_3` AS OF VERSION 6

-- ddl(among=2 of them)
CREATE NAMESPACE IF NOT EXISTS lake.silver
;
CREATE NAMESPACE IF NOT EXISTS lake.gold
;
CREATE TABLE IF NOT EXISTS lake.silver.sales
(
    source string, sale_id string,
    deleted boolean COMMENT 'whether its last record said that it is gone; then only key and position are known',
    occurred_at timestamp COMMENT 'when it happened',
    country string, city string, salesman_id string, salesman string,
    amount decimal(18, 2), currency string,
    topic string COMMENT 'position of the record in the log', partition int, offset bigint,
    log_time timestamp COMMENT 'when the log took it, or a record of the sale before it there, if that was later'
)
USING iceberg PARTITIONED BY (months(occurred_at)) TBLPROPERTIES ('format-version' = '2', 'write.distribution-mode' = 'hash', 'write.parquet.compression-codec' = 'zstd', 'write.delete.mode' = 'merge-on-read', 'write.update.mode' = 'merge-on-read', 'write.merge.mode' = 'merge-on-read')
COMMENT 'The latest state of every sale, with the position of the record that told it'
;
CREATE TABLE IF NOT EXISTS lake.silver.quarantine
(
    topic string COMMENT 'position of the record in the log', partition int, offset bigint,
    log_time timestamp COMMENT 'when the log took the record',
    field string COMMENT 'the field that is wrong; null where the payload as a whole is',
    reason string COMMENT 'what was wrong, what came, what is valid',
    key binary, payload binary
)
USING iceberg TBLPROPERTIES ('format-version' = '2', 'write.distribution-mode' = 'hash', 'write.parquet.compression-codec' = 'zstd')
COMMENT 'Records that the contract refuses, each with its position and the reason'
;
CREATE TABLE IF NOT EXISTS lake.gold.top_sales_per_city
(
    business_day date, currency string, country string, city string,
    amount decimal(38, 2) COMMENT 'sum over the sales that exist',
    sales bigint COMMENT 'how many they are'
)
USING iceberg PARTITIONED BY (months(business_day)) TBLPROPERTIES ('format-version' = '2', 'write.distribution-mode' = 'hash', 'write.parquet.compression-codec' = 'zstd')
COMMENT 'Top sales per city: the whole history summed'
;
CREATE TABLE IF NOT EXISTS lake.gold.top_salesman_in_country
(
    business_day date, currency string, country string, salesman_id string,
    amount decimal(38, 2) COMMENT 'sum over the sales that exist',
    sales bigint COMMENT 'how many they are'
)
USING iceberg PARTITIONED BY (months(business_day)) TBLPROPERTIES ('format-version' = '2', 'write.distribution-mode' = 'hash', 'write.parquet.compression-codec' = 'zstd')
COMMENT 'Top salesman in country: the whole history summed'

-- drop_run(table=silver.sales, version=3)
ALTER TABLE silver.sales DROP BRANCH `run_3`

-- drop_tag(table=silver.sales, version=3)
ALTER TABLE silver.sales DROP TAG `v3`

-- gold(ranking=top-sales-per-city)
lake.gold.top_sales_per_city

-- gold(ranking=top-salesman-in-country)
lake.gold.top_salesman_in_country

-- on_run(table=silver.sales, version=3)
silver.sales.branch_run_3

-- order_sales()
ALTER TABLE lake.silver.sales SET TBLPROPERTIES ('write.parquet.row-group-size-bytes' = '16777216')
;
ALTER TABLE lake.silver.sales WRITE DISTRIBUTED BY PARTITION LOCALLY ORDERED BY source, sale_id

-- run_branch(version=3)
run_3

-- set_tag(table=silver.sales, version=3, snapshot=None)
ALTER TABLE silver.sales CREATE OR REPLACE TAG `v3`

-- set_tag(table=silver.sales, version=3, snapshot=5)
ALTER TABLE silver.sales CREATE OR REPLACE TAG `v3` AS OF VERSION 5

-- show_version(table=silver.sales, version=3)
CALL lake.system.set_current_snapshot(table => 'silver.sales', ref => 'v3')

-- version_tag(version=3)
v3
