using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.Sdk.Tests;

internal sealed class MapTests
{
    private static readonly Gen<PlatformSize> Size =
        from name in Gen.Choose(0, 9)
        from cpu in Gen.Choose(1, 4)
        from memory in Gen.Choose(1, 4)
        from price in Gen.Elements<decimal?>(null, 1, 2)
        from available in Gen.Elements(true, true, false)
        select new PlatformSize { Name = $"s{name}", CpuMillis = cpu * 1000, MemoryMiB = memory * 1024, Price = price, Available = available };

    [Test]
    public void DC_17_the_smallest_size_that_is_enough_is_chosen_whatever_the_order() => Prop.ForAll(
        (from sizes in Size.ListOf()
         from cpu in Gen.Choose(1, 5)
         from memory in Gen.Choose(1, 5)
         select (sizes, wish: Wish(cpu * 1000 - 1, memory * 1024 - 1))).ToArbitrary(), t =>
        {
            var enough = t.sizes.Where(s => s.Available && s.CpuMillis >= t.wish.CpuMillis && s.MemoryMiB >= t.wish.MemoryMiB).ToList();
            var found = SizeMap.Choose(t.wish, t.sizes);
            Assert.That(SizeMap.Choose(t.wish, t.sizes.AsEnumerable().Reverse()).Value, Is.EqualTo(found.Value));
            Assert.That((found.Value is null, found.Finding is null), Is.EqualTo((enough.Count == 0, enough.Count > 0)));
            if (found.Value is { } size)
                Assert.That(enough.OrderBy(s => s.CpuMillis).ThenBy(s => s.MemoryMiB).ThenBy(s => s.Price ?? decimal.MaxValue).ThenBy(s => s.Name, StringComparer.Ordinal).First(), Is.EqualTo(size));
        }).QuickCheckThrowOnFailure();

    [Test]
    public void A_size_that_the_configuration_names_wins_and_one_that_is_not_there_is_said()
    {
        PlatformSize[] sizes = [new() { Name = "small", CpuMillis = 2000, MemoryMiB = 8192 }, new() { Name = "big", CpuMillis = 8000, MemoryMiB = 32768 }, new() { Name = "gone", CpuMillis = 16000, MemoryMiB = 65536, Available = false }];
        var missing = SizeMap.Choose(Wish(2000, 8192) with { Native = "huge" }, sizes);
        Assert.Multiple(() =>
        {
            Assert.That(SizeMap.Choose(Wish(2000, 8192), sizes).Value!.Name, Is.EqualTo("small"));
            Assert.That(SizeMap.Choose(Wish(2000, 8192) with { Native = "big" }, sizes).Value!.Name, Is.EqualTo("big"));
            Assert.That((missing.Finding!.Path, missing.Error!.Code, missing.Error.Field), Is.EqualTo(("size", ErrorCode.Unsupported, "size")));
            Assert.That(missing.Finding.Message, Does.Contain("'huge'").And.Contain("datumcloud/d1-standard-2"));
            Assert.That(SizeMap.Choose(Wish(2000, 8192) with { Native = "gone" }, sizes).Finding!.Message, Does.Contain("can't be had"));
            Assert.That(SizeMap.Choose(Wish(9000, 8192), sizes).Finding!.Message, Does.Contain("the largest is 'big' with 8000 and 32768 MiB"));
            Assert.That(SizeMap.Choose(Wish(1, 1), []).Finding!.Message, Does.Contain("offers none"));
            Assert.That(SizeMap.Choose(Wish(2000, 8192), sizes).Error, Is.Null);
        });
    }

    [Test]
    public void A_name_is_looked_up_in_the_configuration_first()
    {
        var connection = new Connection { Installation = "i", Images = Table(("mine", "ami-1"), ("ubuntu", "ami-2")), DiskTypes = Table(("fast", "io2")) };
        var images = NameMap.Images(Table(("ubuntu", "ami-0"), ("debian", "ami-3")), connection);
        var disks = NameMap.DiskTypes(Table(("pd-standard", "gp3")), connection);
        var missing = images.Find("windows", "volumes[boot].disk.image");
        Assert.Multiple(() =>
        {
            Assert.That((images.Find("ubuntu", "x").Value, images.Find("debian", "x").Value, images.Find("mine", "x").Value), Is.EqualTo(("ami-2", "ami-3", "ami-1")));
            Assert.That((disks.Find("pd-standard", "x").Value, disks.Find("fast", "x").Value), Is.EqualTo(("gp3", "io2")));
            Assert.That(missing.Error!.Field, Is.EqualTo("volumes[boot].disk.image"));
            Assert.That(missing.Finding!.Message, Is.EqualTo("The image 'windows' has no counterpart at the platform. Add it to 'images' of the ProviderConfig, or use one of debian, mine, ubuntu."));
            Assert.That(disks.Find("slow", "type").Finding!.Message, Does.StartWith("The disk type 'slow'").And.Contain("'diskTypes'"));
            Assert.That(disks.Find(null, "gp3", "type").Value, Is.EqualTo("gp3"));
            Assert.That(disks.Find("fast", "gp3", "type").Value, Is.EqualTo("io2"));
            Assert.That((disks.Find(null, null, "type").Value, disks.Find(null, null, "type").Finding), Is.EqualTo(((string?)null, (Finding?)null)));
        });
    }

    private static InstanceSize Wish(int cpu, int memory) => new() { InstanceType = "datumcloud/d1-standard-2", CpuMillis = cpu, MemoryMiB = memory };

    private static ImmutableDictionary<string, string> Table(params (string Key, string Value)[] entries) => entries.ToImmutableDictionary(e => e.Key, e => e.Value);
}
