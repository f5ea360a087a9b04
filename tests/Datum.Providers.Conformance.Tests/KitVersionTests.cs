namespace Datum.Providers.Conformance.Tests;

public sealed class KitVersionTests
{
    [Test]
    public void The_kit_checks_the_contract_that_it_was_built_with() =>
        Assert.That(KitVersion.Contract, Is.EqualTo(Contract.Version));
}
