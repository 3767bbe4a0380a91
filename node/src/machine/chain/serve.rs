//! What other nodes ask of the chain: locators and the headers that follow them.

use shared::{BlockHash, Header, Height, wire::MAX_LOCATOR};

use super::{
    super::store::{Result, Store},
    Chain,
};

/// The first hashes of a locator follow one another; after these, steps double.
pub const LOCATOR_DENSE: usize = 10;

impl<S: Store> Chain<S> {
    /// Hashes from `from` backwards, first one by one, then in doubling steps, ending with genesis, by
    /// which another node finds where its chain and ours part.
    ///
    /// # Errors
    /// When the store fails.
    pub fn locator(&self, from: BlockHash) -> Result<Vec<BlockHash>> {
        let mut locator = Vec::new();
        let mut hash = from;
        let mut height = self.tip.position.height;
        // Along a branch there is only the way from parent to parent. Who does not know its last blocks
        // is led by those of the active chain.
        while locator.len() < LOCATOR_DENSE
            && let Some(entry) = self.entry(&hash)?
        {
            if self.is_active(&hash, entry.position.height)? {
                height = entry.position.height;
                break;
            }
            locator.push(hash);
            hash = entry.header.previous;
        }
        self.extend_locator(&mut locator, height)?;
        Ok(locator)
    }

    fn extend_locator(&self, locator: &mut Vec<BlockHash>, from: Height) -> Result<()> {
        let mut height = from.0;
        let mut step = 1;
        while height > 0 && locator.len() < MAX_LOCATOR - 1 {
            locator.extend(self.hash_at(Height(height))?);
            if locator.len() >= LOCATOR_DENSE {
                step *= 2;
            }
            height = height.saturating_sub(step);
        }
        locator.push(self.network.genesis_hash());
        Ok(())
    }

    /// Up to `limit` headers of the active chain after the first hash of the locator that is on it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn headers_after(&self, locator: &[BlockHash], limit: usize) -> Result<Vec<Header>> {
        let mut height = Height::GENESIS;
        for hash in locator {
            if let Some(entry) = self.stored_entry(hash)?
                && self.is_active(hash, entry.position.height)?
            {
                height = entry.position.height;
                break;
            }
        }
        let mut headers = Vec::new();
        while headers.len() < limit {
            height = height.next();
            let Some(hash) = self.hash_at(height)? else { break };
            let Some(entry) = self.stored_entry(&hash)? else { break };
            headers.push(entry.header);
        }
        Ok(headers)
    }
}
