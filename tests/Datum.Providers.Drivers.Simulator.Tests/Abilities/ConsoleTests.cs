using System.Text;

namespace Datum.Providers.Drivers.Simulator.Tests.Abilities;

/// <summary>DC-103.</summary>
internal sealed class ConsoleTests
{
    [Test]
    public async Task DC_103_the_newest_end_is_kept_and_what_was_left_out_is_said([Values(1, 7, 100, 65536)] int maxBytes)
    {
        using var world = new World();
        var id = await Built(world);
        var written = string.Concat(Enumerable.Range(0, 20).Select(i => $"line {i:d2} äöü\n"));
        world.Cloud.WriteConsole(id.PartId("server")!, Encoding.UTF8.GetBytes(written), "web");
        var all = (await Read(world, id, new ConsoleQuery { MaxBytes = 1024 * 1024 })).Value!;
        Assert.That((all.Text.EndsWith(written, StringComparison.Ordinal), all.Truncated), Is.EqualTo((true, false)));
        var part = (await Read(world, id, new ConsoleQuery { MaxBytes = maxBytes })).Value!;
        Assert.Multiple(() =>
        {
            Assert.That(all.Text, Does.EndWith(part.Text));
            Assert.That(Encoding.UTF8.GetByteCount(part.Text), Is.InRange(Math.Min(maxBytes, all.Text.Length) - 3, maxBytes));
            Assert.That(part.Truncated, Is.EqualTo(part.Text.Length < all.Text.Length));
            Assert.That(part.Text, Does.Not.Contain('\ufffd'), "no character is cut in two");
        });
    }

    [Test]
    public async Task DC_103_a_cursor_goes_on_where_the_last_answer_ended()
    {
        using var world = new World();
        var id = await Built(world);
        var first = (await Read(world, id, new ConsoleQuery())).Value!;
        var nothing = (await Read(world, id, new ConsoleQuery { Cursor = first.Next })).Value!;
        Assert.That((nothing.Text, nothing.Truncated, nothing.Next), Is.EqualTo(("", false, first.Next)));
        world.Cloud.WriteConsole(id.PartId("server")!, "one\n"u8, "web");
        var one = (await Read(world, id, new ConsoleQuery { Cursor = first.Next })).Value!;
        Assert.That((one.Text, one.Truncated), Is.EqualTo(("one\n", false)));
        world.Cloud.WriteConsole(id.PartId("server")!, new byte[300_000].Select(_ => (byte)'x').ToArray(), "web");
        var cut = (await Read(world, id, new ConsoleQuery { Cursor = one.Next, MaxBytes = 10 })).Value!;
        Assert.That((cut.Text, cut.Truncated), Is.EqualTo(("xxxxxxxxxx", true)));
        var dropped = (await Read(world, id, new ConsoleQuery { Cursor = one.Next, MaxBytes = 1024 * 1024 })).Value!;
        Assert.That((dropped.Text.Length, dropped.Truncated), Is.EqualTo((256 * 1024, true)), "the platform keeps no more");
    }

    [Test]
    public async Task DC_103_bytes_that_are_no_text_are_replaced_within_the_limit()
    {
        using var world = new World();
        var id = await Built(world);
        world.Cloud.WriteConsole(id.PartId("server")!, [0xff, 0xfe, 0xff, (byte)'!'], "web");
        var text = (await Read(world, id, new ConsoleQuery { MaxBytes = 7 })).Value!;
        Assert.That((text.Text, text.Truncated), Is.EqualTo(("\ufffd\ufffd!", true)));
    }

    [Test]
    public async Task DC_103_console_text_is_in_no_log_and_no_message()
    {
        using var world = new World();
        var id = await Built(world);
        world.Cloud.WriteConsole(id.PartId("server")!, "canary-4711\n"u8, "web");
        var errors = new List<DriverError?>
        {
            (await Read(world, id, new ConsoleQuery { Cursor = "simc1:canary:0" })).Error,
            (await Read(world, id, new ConsoleQuery { Container = "other" })).Error,
            (await Read(world, id, new ConsoleQuery { MaxBytes = -1 })).Error,
        };
        world.Cloud.Add(new FaultRule { Path = "/v1/servers/*/console", Kind = FaultKind.ErrorAfter });
        errors.Add((await Read(world, id, new ConsoleQuery())).Error);
        Assert.That((await Read(world, id, new ConsoleQuery())).Value!.Text, Does.Contain("canary-4711"));
        Assert.That(errors.Select(e => e!.Code), Is.EqualTo(new[] { ErrorCode.PreconditionFailed, ErrorCode.Invalid, ErrorCode.Invalid, ErrorCode.Unavailable }));
        Assert.That(errors.Select(e => e!.ToString()), Is.All.Not.Contain("4711"));
        Assert.That(world.Log, Has.None.Contain("4711"));
        var seen = await World.Observe(world, world.Driver.Instances!, id, null);
        Assert.That(ContractText(seen), Does.Not.Contain("4711"), "the console is no fact");
    }

    [Test]
    public async Task A_sandbox_of_several_containers_needs_a_name_and_an_absent_instance_isnt_ready()
    {
        using var world = new World();
        var (_, _, spec) = await world.Landscape();
        spec = spec with { Sandbox = new SandboxSpec { Containers = [.. spec.Sandbox!.Containers, new ContainerSpec { Name = "side", Image = "envoy:1" }] } };
        var absent = (await Read(world, World.Id(ResourceKind.Instance), new ConsoleQuery())).Error!;
        var (id, _) = await World.Build(world, world.Driver.Instances!, World.Id(ResourceKind.Instance), spec);
        var unnamed = (await Read(world, id, new ConsoleQuery())).Error!;
        Assert.That((absent.Code, absent.Effect), Is.EqualTo((ErrorCode.NotReadyYet, Effect.NotApplied)));
        Assert.That((unnamed.Code, unnamed.Field), Is.EqualTo((ErrorCode.Invalid, "container")));
        Assert.That(unnamed.Message, Does.Contain("web").And.Contain("side"));
        Assert.That((await Read(world, id, new ConsoleQuery { Container = "side" })).Value!.Text, Does.Contain("container side started"));
        world.Cloud.Change(id.PartId("server")!, s => s with { Labels = s.Labels!.SetItem("datum-install", "other") });
        Assert.That((await Read(world, id, new ConsoleQuery { Container = "side" })).Error!.Code, Is.EqualTo(ErrorCode.Conflict), "another's console isn't shown");
    }

    private static string ContractText(Observation<InstanceFacts> seen) => seen.ToString() + string.Join(' ', ((Present<InstanceFacts>)seen).Facts.Containers);

    private static async Task<Identity> Built(World world)
    {
        var (_, _, spec) = await world.Landscape();
        return (await World.Build(world, world.Driver.Instances!, World.Id(ResourceKind.Instance), spec)).Id;
    }

    private static async Task<Answer<ConsoleText>> Read(World world, Identity id, ConsoleQuery query) =>
        await ((IConsoleLog)world.Driver).ReadConsoleAsync(world.Call(), id, query);
}
