select distinct daily.measure_id
from {{ ref('int_measures_daily') }} as daily
left join {{ ref('measures') }} as measures on daily.measure_id = measures.measure_id
where measures.measure_id is null
