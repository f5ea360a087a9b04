using System.Security.Cryptography;

namespace Datum.Providers.Packages.Tests;

/// <summary>Contract versions that are frozen: their packages are never made again (docs/decisions/0015-packages-and-frozen-contract.md).</summary>
public sealed class FrozenContractTests
{
    private const int Limit = 200 * 1024;

    // build/freeze-contract.sh writes the digests.
    private static readonly Dictionary<string, string> s_frozen = new(StringComparer.Ordinal)
    {
        ["1.0.0"] = "986d143b554f26938c2d94f7ae3607e90d8134a2e3bbf537f1087554574398a9",
        ["1.1.0"] = "716a71527ba05be6f7b5d787eb9ad8265aa2d8a906435f59b136773768fc6bc8",
    };

    private static IEnumerable<string> Versions => s_frozen.Keys;

    [TestCaseSource(nameof(Versions))]
    public void A_frozen_package_is_the_one_that_was_frozen(string version)
    {
        var bytes = File.ReadAllBytes(Repository.Path($"build/contract/Datum.Providers.Abstractions.{version}.nupkg"));

        Assert.Multiple(() =>
        {
            Assert.That(Convert.ToHexStringLower(SHA256.HashData(bytes)), Is.EqualTo(s_frozen[version]));
            Assert.That(bytes, Has.Length.LessThan(Limit));
        });
    }

    [Test]
    public void Every_frozen_package_has_its_digest_here() =>
        Assert.That(Directory.EnumerateFiles(Repository.Path("build/contract"), "*.nupkg").Select(Path.GetFileName),
            Is.EquivalentTo(Versions.Select(v => $"Datum.Providers.Abstractions.{v}.nupkg")));
}
