{#- Grain: one row per landed row of salesforce/opportunity_contact_role, accepted or not. -#}
{{ stage_landed('salesforce', 'opportunity_contact_role') }}
