-- A ranking over the totals that a chain of versions adds up to, in the same total order as ClickHouse's: by code point.
-- within: how many leading columns of the subject the ranks start anew for; country_at: which of them is the country.
SELECT rank, subject, amount, sales
FROM (
    SELECT subject, sum(amount) AS amount, sum(sales) AS sales,
        row_number() OVER (
            PARTITION BY subject[1:%(within)s]
            ORDER BY sum(amount) DESC, subject COLLATE "C"
        ) AS rank
    FROM totals
    WHERE ranking = %(ranking)s
        AND version = ANY(%(versions)s)
        AND currency = %(currency)s
        AND business_day BETWEEN %(first_day)s AND %(last_day)s
        AND (%(country)s::text IS NULL OR subject[%(country_at)s] = %(country)s)
    GROUP BY subject
    HAVING sum(sales) != 0 OR sum(amount) != 0
) AS ranked
WHERE rank > %(after)s
    AND rank <= %(limit)s
    AND (%(subject)s::text[] IS NULL OR subject = %(subject)s::text[])
ORDER BY subject[1:%(within)s] COLLATE "C", rank
