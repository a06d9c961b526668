//! Where private keys live: the encrypted file keystore and its unlock methods.
