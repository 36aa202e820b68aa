//! Who the service is to the database.

/// The role that the migrations make for the service.
pub const SERVICE_ROLE: &str = "blockyard_api";
