-- Showing licences and taking them instead of paper: show-codes, agents, who looked.
SELECT 1;
