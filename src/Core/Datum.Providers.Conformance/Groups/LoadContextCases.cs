using System.Collections;
using System.Globalization;

namespace Datum.Providers.Conformance;

/// <summary>CK-216 to CK-229: what the driver leaves in the process.</summary>
[CaseGroup(KitGroup.LoadContext)]
internal static class LoadContextCases
{
    private static readonly ImmutableArray<string> Resilience = ["Polly", "Polly.Core", "Polly.Extensions", "Polly.Extensions.Http", "Microsoft.Extensions.Http.Resilience", "Microsoft.Extensions.Resilience", "Microsoft.Extensions.Http.Polly"];

    [Case(216, "The driver references no resilience library, no host and no test framework", "DC-89 DC-87")]
    public static Task References(CaseRun run)
    {
        var wrong = DriverCode.Of(run.World.Factory).Assembly.GetReferencedAssemblies().Select(a => a.Name ?? "")
            .Where(n => Resilience.Contains(n) || n is "Datum.Providers.Host" or "Datum.Providers.Engine" or "Datum.Providers.Conformance" || n.StartsWith("nunit", StringComparison.OrdinalIgnoreCase)).ToList();
        CaseRun.Expect(wrong.Count == 0, $"The driver references {string.Join(", ", wrong)} (DC-89).");
        return Task.CompletedTask;
    }

    [Case(217, "The driver's code keeps no static state: no static field that can be assigned and none that holds a mutable collection", "DC-87")]
    public static Task No_statics(CaseRun run)
    {
        foreach (var field in DriverCode.Of(run.World.Factory).Statics())
        {
            CaseRun.Expect(field.IsInitOnly, $"{field.DeclaringType!.FullName}.{field.Name} is static and can be assigned (DC-87).");
            CaseRun.Expect(!IsMutable(field.FieldType), $"{field.DeclaringType!.FullName}.{field.Name} is a static {field.FieldType.Name}, which sessions share and change (DC-87).");
        }

        return Task.CompletedTask;
    }

    [Case(218, "Static fields hold the same after two sessions have worked as before", "DC-87 DC-5")]
    public static async Task Statics_stay(CaseRun run)
    {
        var code = DriverCode.Of(run.World.Factory);
        await LifeAsync(run);
        var before = Snapshot();
        await LifeAsync(run);
        run.Use(await run.OpenAsync(run.World.Connection with { Installation = "conf2" }));
        await LifeAsync(run);
        var after = Snapshot();
        foreach (var (name, value) in before)
            CaseRun.Expect(after[name] == value, $"The static {name} was {value} and is {after[name]} after two more sessions (DC-87).");

        Dictionary<string, string> Snapshot() => code.Statics().Where(f => !f.DeclaringType!.ContainsGenericParameters)
            .ToDictionary(f => $"{f.DeclaringType!.FullName}.{f.Name}", f => f.GetValue(null) switch
            {
                null => "null",
                ICollection many => $"a collection of {many.Count}",
                ValueType one => one.ToString() ?? "",
                string text => text,
                var item => string.Create(CultureInfo.InvariantCulture, $"object {System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(item)}"),
            }, StringComparer.Ordinal);
    }

    [Case(219, "Two sessions of two connections in one process don't see each other's objects, also after one is closed", "DC-4 DC-87 L3", Needs = [typeof(ICensus)])]
    public static async Task Two_connections(KindRun run)
    {
        var mine = await run.BuiltAsync();
        var first = await run.Run.SessionAsync();
        var second = await run.Run.OpenAsync(run.World.Connection with { Installation = "conf2" });
        var theirs = mine.Identity with { Installation = "conf2", Parts = [] };
        var blind = await second.Of(run.Kind).ObserveAsync(theirs, mine.Spec);
        KindRun.Expect(blind.Presence == Presence.Absent || blind.Mark == MarkState.Foreign, $"A session of another installation sees our object as {blind} (L3).");
        await ExpectListsAsync(second, "conf2", false);
        await ExpectListsAsync(first, run.World.Connection.Installation, true);
        await first.DisposeAsync();
        await ExpectListsAsync(second, "conf2", false);

        async Task ExpectListsAsync(Session session, string installation, bool expected)
        {
            await run.World.PassAsync(run.Descriptor.ConsistencyWindow);
            string? cursor = null;
            var found = false;
            do
            {
                var page = await session.Of(run.Kind).ListAsync(new ListQuery { Installation = installation }, cursor);
                KindRun.Expect(page.Error is null, $"Beside another session, {page}");
                found |= page.Items.Any(i => i.Name == mine.Identity.Name);
                cursor = page.Next;
            }
            while (cursor is not null);
            KindRun.Expect(found == expected, $"The listing of {installation} {(found ? "holds" : "lacks")} the object of {run.World.Connection.Installation} (DC-56).");
        }
    }

    [Case(220, "The driver's code starts no thread or timer, changes no process-wide setting, and hooks into nothing of the process", "DC-87")]
    public static Task Forbidden_calls(CaseRun run)
    {
        var found = DriverCode.Of(run.World.Factory).Calls.Where(c => (c.Type, c.Name) switch
        {
            ("System.Threading.Thread", ".ctor" or "Start") or ("System.Threading.Timer", ".ctor") or ("System.Timers.Timer", ".ctor") or ("System.Threading.PeriodicTimer", ".ctor") => true,
            ("System.Threading.ThreadPool", "RegisterWaitForSingleObject" or "SetMinThreads" or "SetMaxThreads") => true,
            ("System.Environment", "SetEnvironmentVariable" or "Exit" or "FailFast" or "set_CurrentDirectory" or "set_ExitCode") => true,
            ("System.Globalization.CultureInfo", "set_CurrentCulture" or "set_CurrentUICulture" or "set_DefaultThreadCurrentCulture" or "set_DefaultThreadCurrentUICulture") => true,
            ("System.AppContext", "SetSwitch" or "SetData") or ("System.AppDomain", "SetData") => true,
            ("System.AppDomain", var name) => name.StartsWith("add_", StringComparison.Ordinal),
            ("System.Console", var name) => name.StartsWith("add_", StringComparison.Ordinal) || name.StartsWith("Set", StringComparison.Ordinal),
            ("System.Threading.Tasks.TaskScheduler", var name) => name.StartsWith("add_", StringComparison.Ordinal),
            ("System.Net.ServicePointManager" or "System.Net.Http.HttpClient", var name) => name.StartsWith("set_", StringComparison.Ordinal) && name.Contains("Default", StringComparison.Ordinal),
            ("System.Runtime.InteropServices.GCHandle", "Alloc") => true,
            _ => false,
        }).ToList();
        CaseRun.Expect(found.Count == 0, $"The driver's code calls {string.Join(", ", found.Select(c => $"{c.Type}.{c.Name}").Distinct())} (DC-87).");
        return Task.CompletedTask;
    }

    [Case(221, "Environment, culture, current folder and the process's HTTP defaults are as they were after a whole life", "DC-87")]
    public static async Task Process_untouched(CaseRun run)
    {
        var before = Look();
        await LifeAsync(run);
        var after = Look();
        foreach (var (name, value) in before)
            CaseRun.Expect(after.GetValueOrDefault(name) == value, $"{name} of the process was changed (DC-87).");
        CaseRun.Expect(after.Count == before.Count, $"The process has {string.Join(", ", after.Keys.Except(before.Keys))} since (DC-87).");

        static Dictionary<string, string> Look()
        {
            var all = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["default culture"] = $"{CultureInfo.DefaultThreadCurrentCulture} {CultureInfo.DefaultThreadCurrentUICulture}",
                ["current folder"] = Environment.CurrentDirectory,
                ["default proxy"] = System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(HttpClient.DefaultProxy).ToString(CultureInfo.InvariantCulture),
            };
            foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
                all["environment variable " + variable.Key] = variable.Value?.ToString() ?? "";
            return all;
        }
    }

    [Case(222, "No timer of the session's clock is left once it is closed", "DC-7 DC-87")]
    public static async Task No_timers(CaseRun run)
    {
        await LifeAsync(run);
        await (await run.SessionAsync()).DisposeAsync();
        CaseRun.Expect(run.Host.Clock.LiveTimers == 0, $"{run.Host.Clock.LiveTimers} timers that the driver made are left after its session was closed (DC-7).");
    }

    [Case(223, "The driver's JSON is generated: no call of the serializer that works by reflection", "DC-88")]
    public static Task Json_is_generated(CaseRun run)
    {
        var found = DriverCode.Of(run.World.Factory).Calls.Where(c =>
            (c.Type is "System.Text.Json.JsonSerializer" && (c.Name.StartsWith("Serialize", StringComparison.Ordinal) || c.Name.StartsWith("Deserialize", StringComparison.Ordinal))
                || c.Type is "System.Net.Http.Json.HttpClientJsonExtensions" or "System.Net.Http.Json.HttpContentJsonExtensions" || (c.Type is "System.Net.Http.Json.JsonContent" && c.Name == "Create"))
            && !c.Parameters.Any(p => p is "System.Text.Json.Serialization.Metadata.JsonTypeInfo`1" or "System.Text.Json.Serialization.Metadata.JsonTypeInfo" or "System.Text.Json.Serialization.JsonSerializerContext")).ToList();
        CaseRun.Expect(found.Count == 0, $"The driver's code calls {string.Join(", ", found.Select(c => $"{c.Type}.{c.Name}({string.Join(", ", c.Parameters)})").Distinct())}, which keeps caches that outlive it (DC-88).");
        return Task.CompletedTask;
    }

    [Case(224, "Loaded from its folder, described, connected, probed and closed, the driver unloads", "DC-2 DC-7 DC-87 DC-88", Needs = [typeof(IPackedDriver)])]
    public static Task Unloads_after_probe(CaseRun run) => UnloadsAsync(run, "a probe", async inner => await (await inner.SessionAsync()).ProbeAsync());

    [Case(225, "Loaded from its folder, the driver unloads after validating, observing and listing every kind", "DC-87 DC-88", Needs = [typeof(IPackedDriver)])]
    public static Task Unloads_after_reads(CaseRun run) => UnloadsAsync(run, "validating, observing and listing", async inner =>
    {
        foreach (var kind in inner.Descriptor.Kinds.Select(k => k.Kind))
        {
            var verbs = (await inner.SessionAsync()).Of(kind);
            var resource = await inner.PrepareAsync(kind, build: false);
            await verbs.ValidateAsync(resource.Spec);
            await verbs.ObserveAsync(resource.Identity, resource.Spec);
            await verbs.ListAsync(new ListQuery { Installation = inner.World.Connection.Installation });
        }
    });

    [Case(226, "Loaded from its folder, the driver unloads after building and deleting every kind", "DC-87 DC-88", Needs = [typeof(IPackedDriver)])]
    public static Task Unloads_after_life(CaseRun run) => UnloadsAsync(run, "building and deleting", LifeAsync);

    [Case(227, "Loaded from its folder, the driver unloads after updating every kind that can be updated", "DC-87 DC-88", Needs = [typeof(IPackedDriver)])]
    public static Task Unloads_after_update(CaseRun run) => UnloadsAsync(run, "updating", async inner =>
    {
        foreach (var kind in inner.Descriptor.Kinds.Select(k => k.Kind))
        {
            if (inner.World.SampleOf(kind)?.InPlace is not { } change)
                continue;
            var resource = await HostLoop.BuildAsync(inner, await inner.PrepareAsync(kind));
            resource.Spec = change(resource.Context);
            await HostLoop.BuildAsync(inner, resource);
        }
    });

    [Case(228, "Loaded from its folder, the driver unloads after connections broke, calls were cancelled and sessions refused", "DC-2 DC-7 DC-87", Fault = true, Needs = [typeof(IPackedDriver)])]
    public static async Task Unloads_after_faults(CaseRun run)
    {
        await UnloadsAsync(run, "broken connections and cancelled calls", async inner =>
        {
            await (await inner.SessionAsync()).ProbeAsync();
            foreach (var kind in (FaultKind[])[FaultKind.ResetAfter, FaultKind.CancelBefore, FaultKind.CancelAnswered, FaultKind.TimeoutBefore, FaultKind.GarbageBody])
            {
                inner.Faults.Arm(new Fault { Kind = kind, MutationsOnly = false, Times = 100 });
                await (await inner.SessionAsync()).ProbeAsync();
                inner.Faults.Disarm();
            }

            run.Faults.Hit(inner.Faults.Hits);
        });
    }

    [Case(229, "Loaded from its folder twice at the same time, both copies work and both unload", "DC-87", Needs = [typeof(IPackedDriver)])]
    public static Task Two_copies(CaseRun run) => UnloadsAsync(run, "working beside another copy", async inner =>
    {
        await UnloadsAsync(run, "working within another copy's life", async second => await (await second.SessionAsync()).ProbeAsync());
        await LifeAsync(inner);
    });

    private static Task UnloadsAsync(CaseRun run, string what, Func<CaseRun, Task> work) => PackedRun.UnloadsAsync(run, run.Need<IPackedDriver>(), what, work);

    private static async Task LifeAsync(CaseRun run)
    {
        foreach (var kind in run.Descriptor.Kinds.Select(k => k.Kind).Where(k => run.World.SampleOf(k) is not null))
        {
            var resource = await HostLoop.BuildAsync(run, await run.PrepareAsync(kind));
            await HostLoop.TakeDownAsync(run, resource);
        }
    }

    private static bool IsMutable(Type type)
    {
        var definition = type.IsGenericType ? type.GetGenericTypeDefinition().FullName ?? "" : type.FullName ?? "";
        return definition.StartsWith("System.Collections.Generic.", StringComparison.Ordinal) && !definition.Contains(".I", StringComparison.Ordinal) && !definition.Contains("Comparer", StringComparison.Ordinal)
            || definition.StartsWith("System.Collections.Concurrent.", StringComparison.Ordinal)
            || definition.StartsWith("System.Runtime.CompilerServices.ConditionalWeakTable", StringComparison.Ordinal)
            || definition.StartsWith("System.Threading.AsyncLocal", StringComparison.Ordinal)
            || definition is "System.Net.Http.HttpClient" or "System.Random" or "System.Threading.SemaphoreSlim" or "System.Threading.CancellationTokenSource" or "System.Text.StringBuilder";
    }
}
