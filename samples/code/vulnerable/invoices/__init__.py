"""Sends customers the invoices that they ask for."""
