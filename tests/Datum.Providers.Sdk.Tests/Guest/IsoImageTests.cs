using System.Text;
using Datum.Providers.Clouds;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>Media for guests: an image that others read.</summary>
public sealed class IsoImageTests
{
    [TestCase(false)]
    [TestCase(true)]
    public void An_image_is_read_by_Joliet_and_by_Rock_Ridge_names(bool rockRidge)
    {
        var large = Enumerable.Range(0, 5000).Select(i => (byte)i).ToArray();
        var image = IsoImage.Write("cidata", [("user-data", large), ("meta-data", Encoding.UTF8.GetBytes("instance-id: a\n")), ("network-config", ReadOnlyMemory<byte>.Empty)]);
        var files = SeedReader.Read(image, rockRidge);
        Assert.Multiple(() =>
        {
            Assert.That(image.Length % IsoImage.Sector, Is.Zero);
            Assert.That(SeedReader.Label(image), Is.EqualTo("cidata"));
            Assert.That(files.Keys, Is.EquivalentTo(new[] { "user-data", "meta-data", "network-config" }));
            Assert.That(files["user-data"], Is.EqualTo(large));
            Assert.That(files["network-config"], Is.Empty);
        });
    }

    [Test]
    public void Equal_files_make_equal_bytes() =>
        Assert.That(Enumerable.Range(0, 3).Select(_ => Convert.ToHexString(IsoImage.Write("cidata", [("a", new byte[] { 1 })]))).Distinct().Count(), Is.EqualTo(1));

    [Test]
    public void Names_that_don_t_fit_are_refused() =>
        Assert.That(() => IsoImage.Write("cidata", [(new string('a', 230), default)]), Throws.ArgumentException);
}
