-- To the yen, in every month in which a channel has a part.
select
    month,
    sum(case when channel_id = 'all' then required end) as goal,
    sum(case when channel_id <> 'all' then required end) as parts
from {{ ref('kgi_kpi_tree') }}
where parent is null and kpi_id is not null
group by month
having
    sum(case when channel_id = 'all' then required end)
    <> sum(case when channel_id <> 'all' then required end)
