using FsCheck;
using FsCheck.Fluent;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>What drivers read of a guest's beacon. The script that writes it is run by <see cref="GuestToolTests"/> and in booted guests.</summary>
internal sealed class GuestReportTests
{
    private const string Good = """
        {"version":1,"hostname":"web-0","boot":"843f","uptimeSeconds":158,"time":1796000000,"ready":true,"firewall":"active",
         "containers":[{"name":"web","state":"active","restarts":2,"ports":[{"name":"http","port":8080,"protocol":"TCP","listening":true}]}],
         "ports":[],"disks":[{"name":"data","state":"active"}]}
        """;

    private static readonly DateTimeOffset Made = DateTimeOffset.FromUnixTimeSeconds(1796000000);

    [Test]
    public void A_whole_report_is_read()
    {
        var report = GuestReport.Parse(Good)!;
        Assert.Multiple(() =>
        {
            Assert.That((report.Ready, report.Health, report.Time, report.Firewall), Is.EqualTo((true, GuestHealth.Ready, Made, "active")));
            Assert.That(report.Containers.Single(), Is.EqualTo(new GuestReportUnit { Name = "web", State = "active", Restarts = 2 }).Using<GuestReportUnit>((a, b) => (a.Name, a.State, a.Restarts, a.ClosedPorts.Length) == (b.Name, b.State, b.Restarts, b.ClosedPorts.Length)));
            Assert.That(report.Disks.Single().Name, Is.EqualTo("data"));
            Assert.That(report.ToContainerFacts(Guests.Sandbox).Single(), Is.EqualTo(new ContainerFacts { Name = "web", Running = true }));
        });
    }

    [TestCase("\"state\":\"active\",\"restarts\":2", "\"state\":\"failed\",\"restarts\":2", "container web is failed")]
    [TestCase("\"name\":\"data\",\"state\":\"active\"", "\"name\":\"data\",\"state\":\"activating\"", "disk data is activating")]
    [TestCase("\"listening\":true", "\"listening\":false", "container web doesn't listen on http 8080/TCP")]
    [TestCase("\"ports\":[],", "\"ports\":[{\"name\":\"ssh\",\"port\":22,\"protocol\":\"TCP\",\"listening\":false}],", "nobody listens on ssh 22/TCP")]
    [TestCase("\"firewall\":\"active\"", "\"firewall\":\"failed\"", "its firewall is failed")]
    [TestCase("\"firewall\":\"active\"", "\"firewall\":\"none\"", "the guest reports that it isn't ready")]
    public void What_is_wrong_is_told(string part, string instead, string message)
    {
        var report = GuestReport.Parse(Good.Replace(part, instead, StringComparison.Ordinal).Replace("\"ready\":true", "\"ready\":false", StringComparison.Ordinal))!;
        Assert.That((report.Health, report.ToMessage()), Is.EqualTo((GuestHealth.NotReady, message)));
    }

    [TestCase("""{"ready":true,"containers":[{"name":"web","state":"failed","restarts":0}]}""", "InstanceCrashing")]
    [TestCase("""{"ready":true,"containers":[{"name":"web","state":"activating","restarts":3}]}""", "InstanceCrashing")]
    [TestCase("""{"ready":true,"containers":[{"name":"web","state":"inactive","restarts":0}]}""", "Provisioning")]
    [TestCase("""{"ready":true,"containers":[{"name":"other","state":"active","restarts":0}]}""", "Provisioning")]
    public void A_container_of_the_wish_that_doesnt_run_has_a_reason(string text, string reason)
    {
        var facts = GuestReport.Parse(text)!.ToContainerFacts(Guests.Sandbox).Single();
        Assert.That((facts.Name, facts.Running, facts.Reason), Is.EqualTo(("web", false, reason)));
    }

    [Test]
    public void Silence_is_told_by_the_platforms_clock_and_what_was_said_before_the_start_is_over()
    {
        var report = GuestReport.Parse(Good)!;
        Assert.Multiple(() =>
        {
            Assert.That(report.At(null), Is.SameAs(report));
            Assert.That(report.At(Made + GuestReport.LongestSilence)!.Health, Is.EqualTo(GuestHealth.Ready));
            Assert.That(report.At(Made + TimeSpan.FromMinutes(7))!.Health, Is.EqualTo(GuestHealth.NotReady));
            Assert.That(report.At(Made + TimeSpan.FromMinutes(7))!.ToMessage(), Is.EqualTo("the guest hasn't reported for 7 minutes"));
            Assert.That(report.At(Made, started: Made + TimeSpan.FromSeconds(6)), Is.Null);
            Assert.That(report.At(Made, started: Made + TimeSpan.FromSeconds(4)), Is.SameAs(report), "a guest's clock that is a little behind");
            Assert.That(GuestReport.Parse("""{"ready":true}""")!.At(DateTimeOffset.MaxValue, DateTimeOffset.MaxValue)!.Health, Is.EqualTo(GuestHealth.Ready), "one that has no time has no age");
        });
    }

    [Test]
    public void Of_a_console_the_newest_whole_report_counts()
    {
        var one = Good.ReplaceLineEndings("");
        var other = one.Replace("1796000000", "1796000015", StringComparison.Ordinal);
        Assert.Multiple(() =>
        {
            Assert.That(GuestReport.ParseLines($"boot\r\nDATUM-BEACON {one}\r\nlogin: DATUM-BEACON {other}\r\nmore")!.Time, Is.EqualTo(Made.AddSeconds(15)));
            Assert.That(GuestReport.ParseLines($"DATUM-BEACON {one}\nDATUM-BEACON {other[..100]}")!.Time, Is.EqualTo(Made), "the newest isn't whole yet");
            Assert.That(GuestReport.ParseLines($"DATUM-BEACON {one}\nDATUM-BEACON ")!.Time, Is.EqualTo(Made));
            Assert.That(GuestReport.ParseLines("nothing of ours"), Is.Null);
            Assert.That(GuestReport.ParseLines(null), Is.Null);
        });
    }

    [TestCase(""), TestCase(" \n"), TestCase("{"), TestCase("null"), TestCase("[]"), TestCase("{}"), TestCase("1"), TestCase("""{"ready":true,"firewall":"\ud800"}""")]
    public void What_isnt_a_report_is_none(string text) => Assert.That(GuestReport.Parse(text), Is.Null);

    /// <summary>Root in the guest may write what it likes; that reaches conditions, events and logs.</summary>
    [Test]
    public void A_hostile_report_is_cut_to_what_could_be_ours()
    {
        var units = string.Join(',', Enumerable.Range(0, 500).Select(i => $$"""{"name":"c{{i}}","state":"failed"}"""));
        var report = GuestReport.Parse($$"""
            {"ready":"yes","time":9e300,"firewall":{},"ports":"x","disks":[1,null,{"name":"a\nb","state":"failed"},{"name":"{{new string('x', 5000)}}"},{"name":"d","state":"<script>","restarts":-4}],"containers":[{{units}}]}
            """)!;
        Assert.Multiple(() =>
        {
            Assert.That((report.Ready, report.Time, report.Firewall), Is.EqualTo((false, (DateTimeOffset?)null, "unknown")));
            Assert.That(report.Disks.Single(), Is.EqualTo(new GuestReportUnit { Name = "d", State = "unknown" }).Using<GuestReportUnit>((a, b) => (a.Name, a.State, a.Restarts) == (b.Name, b.State, b.Restarts)));
            Assert.That(report.Containers, Has.Length.EqualTo(64));
            Assert.That(report.ToMessage(), Has.Length.LessThan(400).And.EndsWith("more").And.Not.Contains("\n"));
        });
    }

    [Test]
    public void No_text_makes_it_throw() => Prop.ForAll<string>(text =>
    {
        foreach (var console in new[] { text, "DATUM-BEACON " + text, Good[..Math.Min(Good.Length, text?.Length ?? 0)] + text })
            _ = (GuestReport.Parse(console), GuestReport.ParseLines(console), GuestReport.Parse(console)?.ToMessage());
        return true;
    }).QuickCheckThrowOnFailure();
}
