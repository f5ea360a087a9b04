using Datum.Providers.Engine.Ledger;

namespace Datum.Providers.Engine.Tests.Ledger;

internal sealed class EntryIdentityTests
{
    // Names and tokens stand at platforms: a later version must come to the same ones.
    [Test]
    public void Names_and_tokens_are_stable()
    {
        Assert.That(EntryIdentity.Name("test", "plane-1", "uid-1", ResourceKind.Network, "net"), Is.EqualTo("22bd5eed1e2028d9c5952c31e01c0e93"));
        Assert.That(EntryIdentity.Token("0123456789abcdef0123456789abcdef", 1, "server", 0), Is.EqualTo("bf1decf77c1c2ee19a159999539119df"));
    }

    [Test]
    public void Every_part_of_an_identity_counts() =>
        Assert.That(new[]
        {
            EntryIdentity.Name("a", "b", "c", ResourceKind.Network, "d"), EntryIdentity.Name("x", "b", "c", ResourceKind.Network, "d"),
            EntryIdentity.Name("a", "x", "c", ResourceKind.Network, "d"), EntryIdentity.Name("a", "b", "x", ResourceKind.Network, "d"),
            EntryIdentity.Name("a", "b", "c", ResourceKind.Subnet, "d"), EntryIdentity.Name("a", "b", "c", ResourceKind.Network, "x"),
        }, Is.Unique);

    [Test]
    public void Nothing_moves_from_one_part_into_the_next() =>
        Assert.That(new[]
        {
            EntryIdentity.Name("ab", "c", "d", ResourceKind.Disk, "e"), EntryIdentity.Name("a", "bc", "d", ResourceKind.Disk, "e"),
            EntryIdentity.Name("a", "b", "cd", ResourceKind.Disk, "e"), EntryIdentity.Name("", "abc", "d", ResourceKind.Disk, "e"),
            EntryIdentity.Name("a", "", "bcd", ResourceKind.Disk, "e"), EntryIdentity.Name("ä", "c", "d", ResourceKind.Disk, "e"),
        }, Is.Unique);

    [Test]
    public void A_token_belongs_to_one_step_of_one_incarnation_and_changes_when_the_last_try_was_refused() =>
        Assert.That(new[]
        {
            EntryIdentity.Token("n", 1, "server", 0), EntryIdentity.Token("n", 2, "server", 0), EntryIdentity.Token("n", 1, "nic-0", 0),
            EntryIdentity.Token("m", 1, "server", 0), EntryIdentity.Token("n", 1, "server", 1), EntryIdentity.Token("n", 11, "server", 0), EntryIdentity.Token("n1", 1, "server", 0),
        }, Is.Unique);
}
