//! A receipt as somebody hands it over: it is refused, or some step of its verification fails.

#![no_main]

use shared::receipt::{LogProof, Receipt, Wanted, verify};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(receipt) = Receipt::read(bytes) else { return };
    let json = serde_json::to_vec(&receipt).unwrap();
    assert_eq!(Receipt::read(&json).unwrap(), receipt);
    if let Ok(proof) = receipt.proof.parse::<LogProof>() {
        assert_eq!(proof.to_string().parse(), Ok(proof));
    }
    let _ = verify(&receipt, &Wanted::default());
});
