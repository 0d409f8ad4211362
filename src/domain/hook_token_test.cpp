// SPDX-License-Identifier: Apache-2.0
#include "domain/hook_token.h"

#include <gtest/gtest.h>

#include "base/ids.h"

namespace hekto::domain {
namespace {

const Time kNow = from_micros(1'800'000'000'000'000);

TEST(HookToken, NamesTheSubmissionThatItWasMadeFor) {
  const HookSigner signer(Secret("key"));
  const HookTarget target{hook_account("replicate", "main"), new_id(kNow)};
  const auto token = signer.token(target);
  EXPECT_EQ(token.size(), kHookTokenLength);
  EXPECT_EQ(token.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz"), std::string::npos);
  EXPECT_EQ(signer.verify(token), target);
}

TEST(HookToken, IsRefusedWhenAnyCharacterIsAnother) {
  const HookSigner signer(Secret("key"));
  const auto token = signer.token({hook_account("replicate", "main"), new_id(kNow)});
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto other = token;
    other[i] = other[i] == '0' ? '1' : '0';
    EXPECT_FALSE(signer.verify(other)) << i;
    other[i] = 'A';
    EXPECT_FALSE(signer.verify(other)) << i;
  }
  EXPECT_FALSE(signer.verify(token.substr(1)));
  EXPECT_FALSE(signer.verify(token + "0"));
  EXPECT_FALSE(signer.verify(""));
}

TEST(HookToken, IsGoodForItsOwnKeyAlone) {
  const HookTarget target{hook_account("replicate", "main"), new_id(kNow)};
  EXPECT_FALSE(HookSigner(Secret("one")).verify(HookSigner(Secret("another")).token(target)));
}

TEST(HookToken, TellsAccountsApartHoweverTheirNamesAreCut) {
  EXPECT_NE(hook_account("a", "bc"), hook_account("ab", "c"));
  EXPECT_NE(hook_account("a", "b"), hook_account("b", "a"));
}

}  // namespace
}  // namespace hekto::domain
