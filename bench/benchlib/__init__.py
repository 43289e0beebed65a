# SPDX-License-Identifier: Apache-2.0
"""What bench/run is made of: places (labs), peers, cases, measuring, and the report."""
