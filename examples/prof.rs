use minvar::linalg::dense::*;
use rayon::prelude::*;
use std::time::Instant;
fn main(){
    for n in [100usize,200,350]{
    let t=1200; let b=32;
    let x:Vec<Vec<f32>>=(0..b).map(|s|{let mut st=s as u64*7919+1; (0..n*t).map(|_|{st=st.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); ((st>>33) as f32/ (1u64<<31) as f32)-0.5}).collect()}).collect();
    let mut c:Vec<Vec<f32>>=vec![vec![0.0;n*n];b];
    for _ in 0..2 {
    let s=Instant::now();
    c.par_iter_mut().zip(&x).for_each(|(c,x)|{let v=View::rows(x,n,t);symmetric_product(c,v,v.transposed(),12.0/t as f32)});
    println!("n={n} gram {:?}",s.elapsed());
    let s=Instant::now();
    let e:Vec<_>=c.par_iter().map(|c|eigen(c,n).unwrap()).collect();
    println!("eigen {:?}",s.elapsed());
    let s=Instant::now();
    let _o:Vec<_>=e.par_iter().map(|(l,v)|{let mut o=vec![0f32;n*n];let mut w=v.clone();for (r,l) in w.chunks_exact_mut(n).zip(l){r.iter_mut().for_each(|x|*x*=*l)};let v=View::rows(v,n,n);symmetric_product(&mut o,v.transposed(),View::rows(&w,n,n),1.0);o}).collect();
    println!("V'dV {:?}",s.elapsed());
    let s=Instant::now();
    c.par_iter().zip(&x).for_each_init(||vec![0f32;n*t],|z,(c,x)|{product(z,false,View::rows(c,n,n),View::rows(x,n,t),1.0)});
    println!("GZ {:?}",s.elapsed());
    let d64:Vec<f64>=c[0].iter().map(|x|*x as f64).collect();
    let s=Instant::now(); eigen(&c[0],n).unwrap(); let a=s.elapsed(); let s=Instant::now(); eigen(&d64,n).unwrap(); println!("single f32 {a:?} f64 {:?}",s.elapsed());
    }}
}
