using System.Reflection;

namespace Datum.Providers.Host.Loader;

/// <summary>Phases 4 and 5: the entry assembly, all that it refers to, its entry type, its description.</summary>
internal sealed class DriverActivator(VerifiedDriver driver, TimeSpan timeout, TimeProvider time)
{
    private readonly DriverManifest _manifest = driver.Manifest;

    private const int FaultsInMessage = 5;

    /// <summary>Phase 4. Touches every type, so that an incompatible contract shows now and not in the middle of a reconcile.</summary>
    public Type Load(DriverLoadContext context)
    {
        Assembly entry;
        try
        {
            entry = context.LoadEntry();
            foreach (var reference in entry.GetReferencedAssemblies())
                context.LoadFromAssemblyName(reference);
        }
        catch (BadImageFormatException e)
        {
            throw Rejected(DriverPhase.Load, DriverRejectionReason.NotAnAssembly, $"an assembly of driver {_manifest.Id} can't be read: {ExceptionText.Flatten(e)}");
        }
        catch (Exception e) when (driver.Changed is not null)
        {
            throw Rejected(DriverPhase.Load, DriverRejectionReason.DigestMismatch, ExceptionText.Flatten(e));
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            throw Rejected(DriverPhase.Load, DriverRejectionReason.DependencyMissing,
                $"{_manifest.EntryAssembly} of driver {_manifest.Id} needs an assembly that can't be loaded: {ExceptionText.Flatten(e)} Pack the driver with all its dependencies.");
        }

        try
        {
            return EntryType(entry, entry.GetTypes());
        }
        catch (ReflectionTypeLoadException e)
        {
            var faults = e.LoaderExceptions.OfType<Exception>().Select(x => x.Message).Distinct(StringComparer.Ordinal).Take(FaultsInMessage);
            throw Rejected(DriverPhase.Load, DriverRejectionReason.TypeLoadFailed,
                $"types of driver {_manifest.Id} don't fit what they were built for: {string.Join(" | ", faults)} Take the driver's release for contract {Contract.Version}.");
        }
    }

    /// <summary>Phase 5. Runs on a thread of its own: what never returns costs that thread and no more.</summary>
    public (IDriverFactory Factory, DriverDescriptor Descriptor) Activate(Type entryType)
    {
        var constructed = false;
        var done = new TaskCompletionSource<(IDriverFactory? Factory, DriverDescriptor? Descriptor, string? Fault)>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                var factory = (IDriverFactory)Activator.CreateInstance(entryType)!;
                Volatile.Write(ref constructed, true);
                done.SetResult((factory, factory.Describe(), null));
            }
            catch (Exception e)
            {
                done.SetResult((null, null, ExceptionText.Flatten(e)));
            }
        })
        { IsBackground = true, Name = $"driver/{_manifest.Id} describe" }.Start();

        try
        {
            var (factory, descriptor, fault) = done.Task.WaitAsync(timeout, time).GetAwaiter().GetResult();
            if (fault is not null)
                throw Rejected(DriverPhase.Activate, constructed ? DriverRejectionReason.DescribeFailed : DriverRejectionReason.ConstructorFailed, $"{Stage(constructed)} of driver {_manifest.Id} failed: {fault}. Report it to the driver's author.");
            if (DescriptorRules.Fault(descriptor, _manifest) is { } broken)
                throw Rejected(DriverPhase.Activate, DriverRejectionReason.DescriptorInvalid, $"driver {_manifest.Id} describes itself wrongly: {broken}. Report it to the driver's author.");
            return (factory!, descriptor!);
        }
        catch (TimeoutException)
        {
            throw Rejected(DriverPhase.Activate, DriverRejectionReason.DescribeTimedOut,
                $"{Stage(Volatile.Read(ref constructed))} of driver {_manifest.Id} didn't return within {timeout.TotalSeconds:0.###} s. It must not do any I/O; its thread is given up until the host restarts. Report it to the driver's author.");
        }
    }

    private Type EntryType(Assembly entry, Type[] types)
    {
        if (entry.GetType(_manifest.EntryType, throwOnError: false) is not { } type)
        {
            var candidates = types.Where(t => t is { IsClass: true, IsAbstract: false } && t.IsAssignableTo(typeof(IDriverFactory))).Select(t => t.FullName).Order(StringComparer.Ordinal).Take(FaultsInMessage).ToList();
            throw Wrong($"isn't in {_manifest.EntryAssembly}" + (candidates.Count == 0 ? "" : $"; it holds {string.Join(", ", candidates)}"));
        }

        if (!type.IsAssignableTo(typeof(IDriverFactory)))
            throw Wrong($"doesn't implement {typeof(IDriverFactory).FullName}");
        if (!type.IsVisible || type.IsAbstract || type.ContainsGenericParameters)
            throw Wrong("must be a public class that is neither abstract nor generic");
        if (type.GetConstructor(Type.EmptyTypes) is null)
            throw Wrong("has no public constructor without parameters");
        return type;
    }

    private DriverRejectedException Wrong(string what) => Rejected(DriverPhase.Load, DriverRejectionReason.EntryTypeInvalid,
        $"entryType {_manifest.EntryType} of driver {_manifest.Id} {what}. Correct DriverEntryType and pack the driver again.");

    private static string Stage(bool constructed) => constructed ? "Describe()" : "the constructor";

    private static DriverRejectedException Rejected(DriverPhase phase, DriverRejectionReason reason, string message) =>
        new(phase, reason, char.ToUpperInvariant(message[0]) + message[1..]);
}
