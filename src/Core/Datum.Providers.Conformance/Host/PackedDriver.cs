using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace Datum.Providers.Conformance;

/// <summary>Loads a driver from its folder into a context that can be unloaded, as the host does: the contract and the framework are shared, all else is its own.</summary>
internal sealed class PackedContext(string folder) : AssemblyLoadContext("conformance-driver", isCollectible: true)
{
    private static readonly ImmutableArray<string> Shared = ["Datum.Providers.Abstractions", "Microsoft.Extensions.Logging.Abstractions", "Microsoft.Extensions.DependencyInjection.Abstractions"];

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        if (assemblyName.Name is not { } name || Shared.Contains(name))
            return null;
        var path = Path.Combine(folder, name + ".dll");
        return File.Exists(path) ? LoadFromAssemblyPath(path) : null;
    }
}

/// <summary>Runs something with a driver that is loaded for it alone, unloads it and waits for its end.</summary>
internal static class PackedRun
{
    /// <summary>Fails when the context is still alive afterwards, naming what holds it.</summary>
    public static async Task UnloadsAsync(CaseRun run, IPackedDriver packed, string what, Func<CaseRun, Task> work)
    {
        var folder = packed.Folder ?? throw new NotApplicableException("The world names no folder with the packed driver.");
        var context = await LoadAndRunAsync(run, folder, packed, work);
        for (var i = 0; i < 50 && context.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            await Task.Yield();
        }

        if (context.IsAlive)
            throw new CaseFailedException($"After {what} the driver's load context isn't unloaded; held by: {Roots.Find(packed.Assembly)} (DC-87, DC-88).");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<WeakReference> LoadAndRunAsync(CaseRun outer, string folder, IPackedDriver packed, Func<CaseRun, Task> work)
    {
        var context = new PackedContext(folder);
        try
        {
            var type = context.LoadFromAssemblyPath(Path.Combine(folder, packed.Assembly)).GetType(packed.FactoryType, throwOnError: true)!;
            var factory = Activator.CreateInstance(type) as IDriverFactory
                ?? throw new CaseFailedException($"{packed.FactoryType} isn't the contract's IDriverFactory: the packed folder was loaded with a contract of its own.");
            // A world of its own, so that nothing outlives the run.
            await using var run = new CaseRun(new PackedWorld(outer.World, factory), outer.Patience);
            await work(run);
            await run.FinishAsync();
        }
        finally
        {
            context.Unload();
        }

        return new WeakReference(context);
    }
}

/// <summary>A world with another factory.</summary>
internal sealed class PackedWorld(ConformanceWorld inner, IDriverFactory factory) : ConformanceWorld
{
    public override IDriverFactory Factory => factory;

    public override Connection Connection => inner.Connection;

    public override ImmutableDictionary<string, ReadOnlyMemory<byte>> Credentials => inner.Credentials;

    public override HttpMessageHandler? Transport => inner.Transport;

    public override TimeProvider Time => inner.Time;

    public override ValueTask PassAsync(TimeSpan time) => inner.PassAsync(time);

    public override TimeSpan CallTimeout => inner.CallTimeout;

    public override TimeSpan HangingCallTimeout => inner.HangingCallTimeout;

    public override TimeSpan BuildTimeout => inner.BuildTimeout;

    public override int MostBreakPoints => inner.MostBreakPoints;

    public override Sample? SampleOf(ResourceKind kind) => inner.SampleOf(kind);

    public override ImmutableArray<PayloadContent> Payloads => inner.Payloads;

    public override bool IsMutation(HttpRequestMessage request) => inner.IsMutation(request);
}

/// <summary>Finds what keeps a driver alive: walks from the static fields of all assemblies that aren't the driver's.</summary>
internal static class Roots
{
    private const int MostObjects = 400_000;

    public static string Find(string assemblyFile)
    {
        var name = Path.GetFileNameWithoutExtension(assemblyFile);
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var queue = new Queue<(object Object, string Path)>();
        foreach (var assembly in AssemblyLoadContext.Default.Assemblies)
            foreach (var field in StaticsOf(assembly))
                if (Read(field, null) is { } value)
                    queue.Enqueue((value, $"{field.DeclaringType!.FullName}.{field.Name}"));
        while (queue.Count > 0 && seen.Count < MostObjects)
        {
            var (item, path) = queue.Dequeue();
            if (!seen.Add(item))
                continue;
            var type = item as Type ?? item.GetType();
            if (IsDriver(type.Assembly, name))
                return $"{path} -> {type.FullName}";
            if (item is string or Type or Pointer || type.IsPrimitive)
                continue;
            if (item is Array array)
            {
                if (type.GetElementType() is { IsPrimitive: false })
                    for (var i = 0; i < Math.Min(array.Length, 10_000) && array.Rank == 1; i++)
                        if (array.GetValue(i) is { } element)
                            queue.Enqueue((element, $"{path}[{i}]"));
                continue;
            }

            for (var t = type; t is not null && t != typeof(object); t = t.BaseType)
                foreach (var field in t.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                    if (!field.FieldType.IsPrimitive && !field.FieldType.IsPointer && !field.FieldType.IsByRefLike && Read(field, item) is { } value)
                        queue.Enqueue((value, $"{path}.{field.Name}"));
        }

        return "nothing that can be reached from static fields (a thread, a timer, a native handle or a running task)";
    }

    private static bool IsDriver(Assembly assembly, string name) =>
        assembly.GetName().Name == name && AssemblyLoadContext.GetLoadContext(assembly) is PackedContext;

    private static IEnumerable<FieldInfo> StaticsOf(Assembly assembly)
    {
        Type[] types;
        try
        {
            types = assembly.GetTypes();
        }
        catch (ReflectionTypeLoadException)
        {
            return [];
        }

        return types.Where(t => !t.ContainsGenericParameters)
            .SelectMany(t => t.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Where(f => !f.IsLiteral && !f.FieldType.IsPrimitive && !f.FieldType.IsPointer && !f.FieldType.IsByRefLike);
    }

    private static object? Read(FieldInfo field, object? of)
    {
        try
        {
            return field.GetValue(of);
        }
        catch (Exception e) when (e is TargetException or FieldAccessException or NotSupportedException or TypeInitializationException or TargetInvocationException or ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }
}
