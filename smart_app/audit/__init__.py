"""The audit trail: who saw or changed what of whom, when and why; in the EHR, or in a log of our own."""
