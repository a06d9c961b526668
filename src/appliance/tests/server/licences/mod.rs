//! Electronic licences over the platform API.

mod showing;
