"""Each hot path beside its own floor, measured in the same run on the same machine: ratios travel, figures don't."""
