using Datum.Providers.Engine.Collect;

namespace Datum.Providers.Engine.Tests.Collect;

/// <summary>Law L15's counting: what looks and listings say of each other.</summary>
internal sealed class AccountWatchTests
{
    private static readonly string[] s_names = ["a", "b", "c", "d", "e"];
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [TestCase(-60, true)]
    [TestCase(1, false)]
    public void L15_only_a_look_after_a_listing_speaks_against_what_it_misses(int secondsAfterListing, bool brews)
    {
        var watch = new AccountWatch(new AccountKey("simulator", "account"));
        var listed = s_start + TimeSpan.FromMinutes(10);
        void Look()
        {
            foreach (var name in s_names)
                watch.Present(name, listed + TimeSpan.FromSeconds(secondsAfterListing));
        }
        if (secondsAfterListing < 0)
            Look();
        watch.Listed(ResourceKind.Instance, listed, s_names, new HashSet<string>());
        if (secondsAfterListing > 0)
            Look();
        Assert.That(watch.Brewing(() => s_names.Length, listed + TimeSpan.FromSeconds(2)), Is.EqualTo(brews));
    }
}
