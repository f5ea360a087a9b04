using System.Reflection;
using System.Reflection.Emit;
using Datum.Providers.Drivers.Simulator;

namespace Datum.Providers.Conformance.Tests.Mutants;

/// <summary>
/// A faulty driver whose code or load context is what is wrong: an assembly of its own in a folder of its own, with one factory that hands
/// everything on to the Simulator's.
/// </summary>
internal sealed class EmittedDriver : IDisposable
{
    public const string TypeName = "Faulty.Factory";
    public const string File = "Faulty.dll";

    /// <summary>Writes the assembly.</summary>
    /// <param name="fault">Writes the fault into a method of the factory that nobody calls.</param>
    /// <param name="runs">In the factory's constructor instead.</param>
    public EmittedDriver(Action<TypeBuilder, ILGenerator> fault, bool runs)
    {
        var assembly = new PersistedAssemblyBuilder(new AssemblyName("Faulty"), typeof(object).Assembly);
        var factory = assembly.DefineDynamicModule("Faulty").DefineType(TypeName, TypeAttributes.Public | TypeAttributes.Sealed, typeof(HandsOn));
        var constructor = factory.DefineConstructor(MethodAttributes.Public, CallingConventions.Standard, []).GetILGenerator();
        constructor.Emit(OpCodes.Ldarg_0);
        constructor.Emit(OpCodes.Call, typeof(HandsOn).GetConstructor(BindingFlags.Instance | BindingFlags.NonPublic, [])!);
        var body = runs ? constructor : factory.DefineMethod("Fault", MethodAttributes.Public, typeof(void), []).GetILGenerator();
        fault(factory, body);
        body.Emit(OpCodes.Ret);
        if (!runs)
            constructor.Emit(OpCodes.Ret);
        factory.CreateType();
        assembly.Save(Path.Combine(Folder, File));
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("datum-mutant-").FullName;

    /// <summary>The factory in place of another.</summary>
    public IDriverFactory Wrap(IDriverFactory clean)
    {
        var factory = (HandsOn)Activator.CreateInstance(Assembly.Load(System.IO.File.ReadAllBytes(Path.Combine(Folder, File))).GetType(TypeName, throwOnError: true)!)!;
        factory.Inner = clean;
        return factory;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}

/// <summary>What emitted factories inherit; public, since they are another assembly.</summary>
public abstract class HandsOn : IDriverFactory
{
    /// <summary>For the emitted constructor.</summary>
    protected HandsOn()
    {
    }

    /// <summary>The factory that does the work.</summary>
    public IDriverFactory Inner { get; set; } = new SimulatorDriverFactory();

    /// <inheritdoc/>
    public DriverDescriptor Describe() => Inner.Describe();

    /// <inheritdoc/>
    public ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation) => Inner.ConnectAsync(host, connection, cancellation);
}

/// <summary>A static of the process that outlives a driver.</summary>
public static class Held
{
    private static readonly List<object> Items = [];

    /// <summary>Keeps it for ever.</summary>
    public static void Keep(object item) => Items.Add(item);
}
